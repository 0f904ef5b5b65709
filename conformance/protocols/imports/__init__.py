"""What other tools recorded, as exchanges: bare bodies, raw HTTP, HAR, cassettes. Pure: text in, exchanges out."""
