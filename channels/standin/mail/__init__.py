"""The mail server of the stand-in: SMTP for residents and for the centre, IMAP for the centre's mailbox, and a page."""
