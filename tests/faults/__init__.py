"""What must hold when something goes wrong meanwhile: other sessions, kills, triggers, stores and connections that fail."""
