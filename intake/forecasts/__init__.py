"""How long requests take, told to people: past requests read, the numbers kept, the words. The arithmetic is routing's."""
