"""Floor 4: the client side of the network. What is sent, and how the bytes of the answer are recorded."""
