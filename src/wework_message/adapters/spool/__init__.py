"""The spool in files: answers that wait for the database."""
