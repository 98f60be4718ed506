"""What an operator sees of the service: the audit log, metrics, health, the configuration."""
