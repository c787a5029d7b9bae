"""How Carillon is run: on one machine, in containers, and beside a stand-in of the platforms."""
