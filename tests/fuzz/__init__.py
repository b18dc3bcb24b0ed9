"""What reads hostile input, fed with anything: seeds in each run, without end by ``make fuzz``."""
