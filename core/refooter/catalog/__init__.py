"""All that is ever sent to PostgreSQL."""
