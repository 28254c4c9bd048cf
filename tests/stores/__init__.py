"""Object stores for tests: one that speaks S3 properly, one that has every bad habit, and files to put in them."""
