"""The composition root: builds the web application, the worker, the command line and the demo city. It holds no rule."""
