"""What blocks a server that people run themselves?"""
