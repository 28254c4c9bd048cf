"""The app: its model, its engine, its widgets and the whole of it."""
