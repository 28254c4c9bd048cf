"""What the app knows of the lake, as columns: numpy and Arrow, no terminal. Widgets paint from it and change nothing in it."""
