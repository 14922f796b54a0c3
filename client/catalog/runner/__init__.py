"""Makes what the ledger lacks on any number of hosts, whatever is lost on the way."""
