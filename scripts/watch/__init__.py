"""What does the world serve that the data do not know yet?"""
