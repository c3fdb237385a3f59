"""One folder per page: its handlers, its template, its fragments. Pages do not import each other."""
