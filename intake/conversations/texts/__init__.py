"""What residents read, one file a language. Texts only; `intake.conversations.wording` fills them."""
