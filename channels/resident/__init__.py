"""How pages for residents look: layout, style, icons, languages. The pages themselves live in the channels that use it."""
