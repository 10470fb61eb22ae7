"""Every process that runs for long: the daemon, its workers, the prediction server, the monitors."""
