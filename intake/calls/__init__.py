"""Telephone calls: what the provider tells of them, and the documents they were answered with, turn by turn.

What is said on them lives in `channels/voice`, what it means in conversations.
"""
