"""What others may follow: events of requests, numbered in the order in which they became visible. Not what is made of them."""
