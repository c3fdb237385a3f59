"""One folder per page: its handlers, its template, its fragments."""
