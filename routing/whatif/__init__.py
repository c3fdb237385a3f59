"""What would another set of boundaries or rules have answered: two sides asked the same questions, and what differs.

Values in, values out: who reads the requests and who keeps or prints the result lives in `intake.whatif`.
"""
