"""The app's widgets: they paint what the model holds, send messages up, and are told things by their methods."""
