"""What travels between the services, and what each of them stands on; it knows no service."""
