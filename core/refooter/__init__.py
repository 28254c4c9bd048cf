"""refooter: inspect, diagnose and safely migrate the Parquet footers that a lakehouse keeps in PostgreSQL."""
