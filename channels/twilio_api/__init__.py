"""What channels over Twilio's Programmable Messaging share: its signature, its REST calls, its codes. No channel by itself."""
