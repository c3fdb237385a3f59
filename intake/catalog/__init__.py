"""What residents can ask for: jurisdictions, services and their questions, and the keys of API clients."""
