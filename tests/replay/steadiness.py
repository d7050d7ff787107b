"""Steps whose answer differs when Prefect's own server is asked a second time.

Several programs spoke at once when the recordings were made, so the order of two requests, or what
somebody had done between two scenarios, is not in them. Found by replaying against Prefect 3.8.8
(`PENSTOCK_TEST_REPLAY=prefect`, or `python -m tests.replay --api ...` at a Prefect server, which
prints this table): what two runs of the same server disagree on says nothing about ours.
What 14 and 17 leave behind shows in 32, 34, 41, 71b, 73 and 74; 65 lists what other
scenarios left; 67 begins with a run that an automation made, whose lease [102] renews. 65b deletes three runs with
"r-" in their names, which are made up: now and then those that 67 finds left by 62 [29, 30].
2x03 and 2x31 show when a queue was last asked for runs, which was before they began.
"""

UNSTEADY: dict[str, tuple[int, ...]] = {
    "14": (20, 21),
    "17": (13, 16, 20, 23, 27, 28),
    "31": (69,),
    "33": (89, 135, 163, 202, 203, 205),
    "35b": (11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29),
    "36": (12, 13, 14),
    "32": (7, 10),
    "34": (0,),
    "41": (5, 7),
    "61": (70,),
    "66a": (11,),
    "27b": (9, 14, 16),
    "65": (1, 2, 5, 9, 10, 11, 16, 17),
    "67": (22, 29, 30, 102),
    "74": (10,),
    "68": (25,),
    "69": (71,),
    "66": (11, 27, 31),
    "73": (0, 18, 20),
    "71b": (8, 9, 18, 21, 27, 28, 29, 35, 36, 58, 59, 68, 71, 77, 78, 79, 85, 86),
    "2x03": (1,),
    "2x31": (0,),
    "77": (13, 15, 16, 19, 20, 21, 24, 25, 26, 27),
}
