"""The coach: what to say to an agent, and nothing about the platform it is said on."""
