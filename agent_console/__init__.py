"""What operators, supervisors and agency staff see. Pages are folders under `pages/`; none of them holds a domain rule."""
