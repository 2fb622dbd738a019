product = mpc.reveal(mpc.input("x", owner="alice") * mpc.input("y", owner="bob"))
