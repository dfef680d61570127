"""Every input taken away or spoiled, one piece at a time: whether the cards ever fall silent (`make silence`)."""
