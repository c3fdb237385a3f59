"""The OpenAPI description of the Open311 surface, as data: what can be asked (`operations`), of what it is made (`schemas`)."""
