"""What cleaning leaves of planted copies, and what somebody who looks for them finds."""
