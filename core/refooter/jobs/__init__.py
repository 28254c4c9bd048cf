"""The jobs: scan, plan, migrate, verify, rollback, export, inspect. Each a short story told in the boxes of the core."""
