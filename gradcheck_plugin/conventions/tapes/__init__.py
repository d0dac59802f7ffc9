"""What keeps a tape or a context: engines that are told of every operation, torch functions."""
