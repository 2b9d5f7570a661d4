#!/usr/bin/env python3
"""article.py COUNT NAMES - the article's own generator, as the yardstick of phonegen's speed.

Only where the names come from (a file, one a line) and where the records go
(stdout) differ from what was published.
"""
import random
import sys

count = int(sys.argv[1])
names = open(sys.argv[2], encoding="utf-8").read().split()


def phn():
    p = list('0000000000')
    p[0] = str(random.randint(1, 9))
    for i in [1, 2, 6, 7, 8]:
        p[i] = str(random.randint(0, 9))
    for i in [3, 4]:
        p[i] = str(random.randint(0, 8))
    if p[3] == p[4] == 0:
        p[5] = str(random.randint(1, 8))
    else:
        p[5] = str(random.randint(0, 8))
    n = range(10)
    if p[6] == p[7] == p[8]:
        n = list(i for i in n if i != p[6])
    p[9] = str(random.choice(n))
    p = ''.join(p)
    return p[:3] + '-' + p[3:6] + '-' + p[6:]


f = sys.stdout
for i in range(count):
    arr = []
    s = """"""
    s += "{B}\n"
    for i in range(5):
        fname = random.choice(names)
        lname = random.choice(names)
        arr.append(f"{fname} {lname}: {phn()} \n")
        s += f"{fname} {lname}: {phn()} \n"
    s += "=========\n"
    s += random.choice(arr)
    s += "{E}\n"
    f.write(s)
