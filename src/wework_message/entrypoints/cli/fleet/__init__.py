"""All registered accounts as one document, and what must be done so that a service has the accounts of a document."""
