"""Does any ASGI app still answer while it works? If not, which line blocks it?"""
