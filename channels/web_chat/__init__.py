"""The chat on the city's own pages: a page that needs no script, a widget other pages embed, and the channel behind both.

There is no provider: a message is delivered once the visitor's page can find it.
"""
