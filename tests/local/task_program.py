"""The program that tasks of the tests run: its first argument says what to do."""

PROGRAM = """
    import json, os, signal, subprocess, sys, time

    def say(*words):
        print(*words, flush=True)

    match sys.argv[1:]:
        case ["environment"]:
            say(json.dumps(dict(os.environ)))
        case ["exit", code]:
            sys.exit(int(code))
        case ["signal", number]:
            os.kill(os.getpid(), int(number))
        case ["python", program]:
            exec(program)
        case ["wait"]:
            say("ready")
            time.sleep(600)
        case ["graceful"]:
            signal.signal(signal.SIGTERM, lambda *_: (say("told to stop"), sys.exit(7)))
            say("ready")
            time.sleep(600)
        case ["stubborn"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            say("ready")
            time.sleep(600)
        case ["eat", mebibytes]:
            eaten = bytearray(int(mebibytes) << 20)
            say("eaten", len(eaten))
            time.sleep(600)
        case ["print", count]:
            for number in range(int(count)):
                print(f"line {number}")
            sys.stdout.write("last without end")
        case ["whoami"]:
            import boto3
            say(boto3.client("sts").get_caller_identity()["Arn"])
        case other:
            say("arguments", other)
"""
