"""What several tests need: jobs run to their end, and tables compared byte for byte."""
