"""What is kept between one message and the next: what people chose for themselves, and nothing they asked."""
