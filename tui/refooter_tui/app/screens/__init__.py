"""What lies over the app for a while: plans, results, questions. One a file."""
