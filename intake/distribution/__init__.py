"""Which operator gets which waiting person: work items, offers, presence and the dispatcher. Not what is said to them."""
