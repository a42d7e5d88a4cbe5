"""Files of the provider: uploads fetch them, and sends name them by what the upload answered."""
