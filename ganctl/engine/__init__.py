"""The training engine, from settings to a finished run.

session          start, resume and run trainings
setup            settings, nets, batches and plan of a training
resumption       decide how a run goes on, before anything is changed; resume_warnings: what differs then
training         a training that is ready to run
loop             one step after the other; retrying_writer: its log and previews on their way to the disk
state            all that a checkpoint holds of a training
monitor          sample statistics, scores, the best checkpoint, verdicts; lr_balance: even learning rates
divergence       find the first tensor that is not finite
events           what happens in a training, and its subscribers: event_log, tensorboard
forecast         what a training will cost
"""
