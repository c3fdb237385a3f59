"""Past requests of another register, by the hundred thousand: maps, file readers, rows, bulk writing. Nobody is told of them."""
