"""What people are shown of a case, wherever it is shown: diffs, forms, requests and records. Pure."""
