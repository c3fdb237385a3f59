"""E-mail: a mailbox that is looked into over IMAP, and answers over SMTP. What a mail says is read without any of the two."""
