"""The two taps. Every ``twistd`` here imports this file: it holds nothing else."""

from twisted.application.service import ServiceMaker

relaychat = ServiceMaker(
    "relaychat",
    "relaychat.app.tap",
    "A chat relay: one log, every wire, and no message ever lost.",
    "relaychat",
)

relaychat_client = ServiceMaker(
    "relaychat-client",
    "relaychat.client.agent.tap",
    "A link to a chat relay that stays up and resumes where it was.",
    "relaychat-client",
)
