"""Commands of the `atiende` program, one file each; imports that are slow stay inside the command."""
