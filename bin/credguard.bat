@echo off
rem Starts credguard with the Python that it is installed for, which loads nothing that a repository brings.
set python=%~dp0python.exe
if not exist "%python%" set python=%~dp0..\python.exe
"%python%" -E -c "import sys; sys.path[:] = filter(None, sys.path); from credguard.cli import main; sys.exit(main())" %*
exit /b %errorlevel%
