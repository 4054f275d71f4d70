"""What is said of alerts and notices, to every kind of sink alike; what it looks like is each kind's own."""
